"""The judge is judged: with an honest fake, and with targets that are wrong on purpose."""
