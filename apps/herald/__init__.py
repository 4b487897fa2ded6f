"""Herald, the text agent: POST /turn, one Celery task per turn, POST /reply. It keeps no state."""
