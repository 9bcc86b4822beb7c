"""A made-up shop whose customers react to messages, written straight into a store.

`effects` says what messages change, `journeys` are the shop's own, `lives` draws what customers do,
`rows` turns it into rows as the engine would have written them, `writing` stores these in bulk, and
`simulated` puts it together as `Shop`.
"""
