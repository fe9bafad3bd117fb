"""From a scan to a mesh: volumes, labels, surfaces, centerlines, tetrahedra. Millimetres, LPS, no Qt, no solver."""
