"""A stand-in for one ComfyUI 0.33 server: its wire behaviour and its traps, its pictures drawn by Pillow."""
