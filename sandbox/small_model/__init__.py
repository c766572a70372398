"""The real small language model behind the wires of Ollama, Gemini and OpenAI at one address; it is loaded once."""
