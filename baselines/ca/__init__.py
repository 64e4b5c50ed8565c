"""CA: Yu et al. 2018, 'Generative Image Inpainting with Contextual Attention', CVPR (DeepFill v1). Its networks."""
