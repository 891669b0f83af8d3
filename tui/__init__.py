"""tanzaku: fine-tune, watch, probe and judge a model on Amazon Bedrock from the terminal."""

__version__ = "0.1.0"
