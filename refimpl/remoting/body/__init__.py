"""JSON bodies with Java's class names, read and written as fastjson does."""
