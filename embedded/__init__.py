"""The one-machine default: every outside part of Meridian started, watched and stopped on this machine."""
