"""HTTP over dispatch: customer events in, as the SDKs of Segment and its kin send them."""
