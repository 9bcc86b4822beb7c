class History:
    def __init__(self, events=()):
        self.events = events
