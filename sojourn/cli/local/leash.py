"""Run a command that must not outlive its parent.

``python -m sojourn.cli.local.leash SECONDS COMMAND ...``: the parent holds the other end of our
standard input. When that end closes, however the parent died, we tell the command to stop, and
kill it after SECONDS. It also works if the operating system offers nothing better (macOS).
"""

import os
import signal
import subprocess
import sys
import threading


def main(grace: float, command: list[str]) -> int:
    """Run ``command`` until it or standard input ends, and return its exit code."""
    # our own caller wrote the command; the sockets that it passes on are for the command
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False)  # noqa: S603

    def stop() -> None:
        child.terminate()
        try:
            child.wait(grace)
        except subprocess.TimeoutExpired:
            child.kill()

    def watch() -> None:
        while os.read(0, 1024):  # the parent writes nothing: it returns at the end of the file
            pass
        stop()

    # in a thread: the handler interrupts child.wait(), which holds the lock of a second wait
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=stop).start())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent, which tells us
    threading.Thread(target=watch, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
