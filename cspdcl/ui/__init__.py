"""The look of the pages: template tags, the theme cookie and the gallery; it knows no business."""
