"""What the control plane's own components take before anybody asks for anything."""
