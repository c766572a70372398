"""What a world is made of: forms for what a language model writes, its prompts, plans, and rules that hold."""
