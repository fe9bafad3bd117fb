"""Pulse waves in a network of elastic vessels: section area and flow along each vessel (docs/theory-reduced.md)."""
