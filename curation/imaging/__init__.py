"""Images: NIfTI, registration to the template, bias field, tissue segmentation, masks, flags."""
