"""Stores that we wrote, opened by Apache RocketMQ: what each of us serves of the same image."""
