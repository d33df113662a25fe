"""CustomResourceDefinitions and what they define: schemas, values, and rules in CEL."""
