"""Measurements that take too long for every change: run by hand, figures printed."""
