"""Run workers and keep their processes together."""
