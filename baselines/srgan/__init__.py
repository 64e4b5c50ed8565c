"""SRGAN, four times larger pictures: networks and training stages. A building block, no inpainter by itself."""
