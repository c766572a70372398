"""Which GPU, in which order: one lane is one ComfyUI and has one queue, gpu-0, gpu-1, …"""
