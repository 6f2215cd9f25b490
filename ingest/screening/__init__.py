"""The parts of screening: its rules, what values mean, and where each vehicle was last."""
