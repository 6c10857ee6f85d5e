"""The parts of the AMP routine: what is trained, by which candidates, and what is recorded."""
