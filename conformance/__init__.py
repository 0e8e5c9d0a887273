"""The judge: cases, targets, verdicts and reports; imports refimpl.model and refimpl.remoting."""
