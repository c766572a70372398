"""The companion bot: personas, dialogs, texts."""
