"""Runs a command that must not outlive whoever started it.

``python -m starter.leash SECONDS COMMAND ...``: the starter holds the other end of our standard
input. When it closes, however its owner died, the command is asked to stop and after SECONDS of
grace killed. Works where the operating system offers nothing better (macOS).
"""

import os
import signal
import subprocess
import sys
import threading


def main(grace: float, command: list[str]) -> int:
    """Run ``command`` until it ends, or until standard input does; its exit code."""
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 (our own caller's)

    def stop() -> None:
        child.terminate()
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()

    def watch() -> None:
        while os.read(0, 1024):  # nobody writes to us: it returns at end of file
            pass
        stop()

    # in a thread: the handler interrupts child.wait(), whose lock a second wait would need
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the starter, which tells us
    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
