"""Tests of refimpl.remoting."""
