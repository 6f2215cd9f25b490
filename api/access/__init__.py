"""Access: who is calling, and what they may see and do."""
