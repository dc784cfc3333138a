"""The process: start, workers and graceful shutdown of uvicorn."""
