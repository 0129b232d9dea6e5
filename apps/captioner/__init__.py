"""The image captioner: python -m apps.captioner"""
