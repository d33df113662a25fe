"""What Kubernetes' own types say of objects: their fields, who owns them, how they merge, and how versions differ."""
