"""What receives, keeps and judges: ingest, pipeline, store, inventory."""
