"""Replies that ask where an order is, and nothing else, in English, Italian and Polish."""

import re

from sojourn.domain.stopping import Piece

_POLITE = (
    r"hi|hello|hey|good (?:morning|afternoon|evening)|please|pls|thanks|thank you|excuse me"
    r"|ciao|salve|buon ?giorno|buona ?sera|per (?:favore|piacere|cortesia)|grazie(?: mille)?"
    r"|scusate|scusi|dzien dobry|dobry wieczor|czesc|witam|hej|prosze|dziekuje|dzieki|pozdrawiam"
)
_ORDER = (
    r"(?:(?:(?:my|our|the) )?(?:order|parcel|package|delivery|shipment)"
    r"|(?:(?:il|la|l|del|della|dell) )?(?:(?:mio|mia) )?(?:ordine|pacco|consegna|spedizione)"
    r"|(?:(?:moj\w*|moim|nasz\w*|ta|to) )?(?:zamowieni\w+|paczk\w+|przesylk\w+))"
)
_QUESTIONS = (
    r"(?:(?:can|could) you tell me |do you know )?where(?: is|s| s)? ORDER(?: is)?(?: now)?",
    r"when (?:will|does|is|s) ORDER (?:be )?(?:arriv\w+|come|coming|get here|here|delivered|due)",
    r"when (?:will|do|can) (?:i|we) (?:get|receive|expect) ORDER",
    r"what(?: is|s| s) (?:the status of|going on with|happening (?:with|to)) ORDER",
    r"(?:(?:my|the) )?(?:order|parcel|delivery) status",
    r"(?:track|(?:where|how) can i track) ORDER",
    r"(?:has|is) ORDER (?:been )?(?:shipped|sent|dispatched|on (?:its|the) way)(?: yet)?",
    r"(?:(?:sapete dirmi|mi sapete dire|potete dirmi|vorrei sapere) )?"
    r"(?:dov ?e|dove si trova|a che punto (?:e|sta)|che fine ha fatto) ORDER(?: ora| adesso)?",
    r"(?:(?:sapete dirmi|mi sapete dire|potete dirmi|vorrei sapere) )?"
    r"quando (?:mi )?(?:arriva|arrivera|consegnate|ricevo|ricevero|sara consegnat[oa]) ORDER",
    r"ORDER (?:dov ?e|quando (?:mi )?(?:arriva|arrivera)|a che punto e)",
    r"(?:stato|traccia|tracciare) ORDER",
    r"(?:avete spedito|e (?:gia )?partit[oa]|e (?:gia )?stat[oa] spedit[oa]) ORDER",
    r"gdzie (?:(?:jest|teraz) )*ORDER(?: (?:jest|teraz))*",
    r"kiedy (?:bedzie|dojdzie|dotrze|przyjdzie|przyjedzie|dostane|otrzymam) ORDER",
    r"(?:co(?: jest)? z|co sie dzieje z|na jakim etapie jest) ORDER",
    r"(?:jaki jest )?(?:status|stan) ORDER",
    r"czy ORDER (?:(?:jest|juz|zostal[oa]) )*(?:wyslan[ea]|nadan[ea]|w drodze)",
)
_ASKS = re.compile(
    rf"(?:(?:{_POLITE}) )*(?:{'|'.join(_QUESTIONS).replace('ORDER', _ORDER)})(?: (?:{_POLITE}))*"
)


def asks_where(words: Piece) -> bool:
    """Tell whether a reply asks where an order is, and nothing else.

    Args:
        words: folded (`stopping.folded`).
    """
    return _ASKS.fullmatch(" ".join(words)) is not None
