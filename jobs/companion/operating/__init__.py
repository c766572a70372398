"""What operators and the installation do: broadcasts, maintenance, figures, erasure, commands of the bot."""
