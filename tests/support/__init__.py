"""What the black-box tests share: the built program, a server of it, and a small project."""
