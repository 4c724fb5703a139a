"""What integers cost: a quantized model beside the float model, on the same images."""
