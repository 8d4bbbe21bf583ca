"""Records of what was examined, answered and measured, and the pages that people read them on."""
