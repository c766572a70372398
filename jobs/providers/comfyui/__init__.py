"""ComfyUI, one GPU each: send a workflow, be told when its picture is there, fetch it."""
