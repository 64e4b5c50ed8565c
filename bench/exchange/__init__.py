"""Exchange with other tools: pictures and holes out as PNG files, completed pictures back in."""
