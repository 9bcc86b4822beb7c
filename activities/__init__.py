"""What touches the world on a journey's behalf: rendering and sending a message."""
