"""Names of streets and public buildings, as French towns give them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from twin.demo.plan import Floats

_PEOPLE = """Victor Hugo|Jean Jaurès|Émile Zola|Louis Pasteur|Marie Curie|Gambetta|Jules Ferry|Frédéric Mistral|
Alphonse Daudet|Paul Valéry|Georges Brassens|Édith Piaf|Simone Veil|Olympe de Gouges|Louise Michel|Denis Diderot|
Voltaire|Jean-Jacques Rousseau|Lamartine|Chateaubriand|Rabelais|Molière|Jean Racine|La Fontaine|George Sand|Colette|
Marcel Pagnol|Albert Camus|Antoine de Saint-Exupéry|Jean Moulin|Pierre Mendès France|Berlioz|Claude Debussy|
Maurice Ravel|Paul Cézanne|Claude Monet|Camille Claudel|Berthe Morisot|Gustave Courbet|Auguste Rodin|
Sophie Germain|Émilie du Châtelet|Ambroise Paré|Lavoisier|Denis Papin|Gustave Eiffel|Ferdinand de Lesseps|
Clément Ader|Hélène Boucher|Jean Mermoz|Blaise Pascal|Évariste Galois|Pierre de Fermat|Joseph Fourier|Ampère|Arago|
Lucie Aubrac|Germaine Tillion|Rosa Bonheur|Joséphine Baker|Pierre Loti|Guy de Maupassant|Alfred de Musset|
Charles Baudelaire|Paul Verlaine|Arthur Rimbaud|Guillaume Apollinaire|Jacques Prévert|René Char|Boris Vian"""
_PLACES = """de la République|de la Liberté|de l’Égalité|de la Fraternité|de la Paix|du 14-Juillet|du 8-Mai-1945|
du 11-Novembre|du 4-Septembre|de la Gare|du Moulin|de la Fontaine|du Lavoir|du Four|du Château|de l’Église|du Temple|
de l’Horloge|des Remparts|de la Poterne|du Pont-Vieux|de l’Abreuvoir|des Tanneurs|des Tisserands|des Drapiers|
des Maréchaux|de la Verrerie|de la Draperie|du Marché|des Halles|de la Tour|de l’Hôtel-de-Ville|de l’Université|
des Écoles|du Lycée|du Stade|de l’Orène|du Port|des Berges|de la Passerelle|du Gué|des Lavandières|de l’Aqueduc|
des Sources|du Puits-Neuf|de la Croix-Blanche|de la Treille|du Jeu-de-Paume|du Petit-Bois|du Belvédère|
de Bellevue|du Soleil-Levant|des Aires|du Mas-Neuf|du Pigeonnier|de la Bergerie|des Carrières|de la Garenne"""
_PLANTS = """des Acacias|des Albizias|des Amandiers|des Aubépines|des Bleuets|des Bruyères|des Camélias|des Capucines|
des Cèdres|des Cerisiers|des Chênes|des Cigales|des Cistes|des Coquelicots|des Cyprès|des Églantiers|des Érables|
des Figuiers|des Frênes|des Genêts|des Glycines|des Grenadiers|des Hirondelles|des Iris|des Jasmins|des Lauriers|
des Lavandes|des Lilas|des Magnolias|des Marronniers|des Micocouliers|des Mimosas|des Mésanges|des Mûriers|
des Myrtes|des Noisetiers|des Oliviers|des Ormes|des Pins|des Platanes|des Peupliers|des Pervenches|
des Romarins|des Roses|des Rossignols|des Sorbiers|des Tamaris|des Thuyas|des Tilleuls|des Vignes|des Violettes"""
_RURAL = """de la Plaine|des Combes|du Causse|de la Garrigue|du Bois-Rond|de Malbosc|du Ruisseau|des Vignes-Hautes|
de la Coste|du Viala|de Font-Froide|du Mas-de-l’Aire|des Cabanes|de la Condamine|du Pioch|de Roquefeuil|des Horts|
de la Draille|du Mas-Blanc|de la Tuilerie|des Prés-Bas|du Four-à-Chaux|de Puech-Long|de l’Hermitage|du Serre|
de la Barthe|de Peyrelade|des Faïsses|du Bousquet|de la Rouvière|de Combe-Longue|du Mas-de-Rey|de la Jasse"""


def _list(text: str) -> list[str]:
    return [name.strip() for name in text.split("|")]


_WORDS = {
    "people": _list(_PEOPLE),
    "places": _list(_PLACES),
    "plants": _list(_PLANTS),
    "rural": _list(_RURAL),
}
#: Which kinds of way and which names a class of street takes, the preferred first.
_WAYS = {
    "bypass": (("Rocade",), ("places",)),
    "boulevard": (("Boulevard", "Cours"), ("people", "places")),
    "avenue": (("Avenue",), ("people", "places")),
    "quay": (("Quai",), ("people", "places")),
    "main_street": (("Rue", "Avenue"), ("people", "places")),
    "street": (("Rue", "Allée", "Impasse", "Rue", "Square", "Cité"), ("plants", "people", "places")),
    "lane": (("Rue", "Ruelle", "Passage", "Traverse"), ("places", "people")),
    "track": (("Chemin", "Route", "Chemin rural", "Sentier"), ("rural", "plants", "places")),
}


def street_names(rng: np.random.Generator, classes: list[str], commune: NDArray[np.intp]) -> NDArray[np.object_]:
    """Name streets, each name once in a commune; a last resort adds a number, as new estates do."""
    shuffled = {key: [words[k] for k in rng.permutation(len(words))] for key, words in _WORDS.items()}
    choices = {
        key: [f"{way} {word}" for way in ways for group in groups for word in shuffled[group]]
        for key, (ways, groups) in _WAYS.items()
    }
    taken: dict[tuple[int, str], int] = {}
    used: set[tuple[int, str]] = set()
    names = np.empty(len(classes), dtype=object)
    for row, (kind, place) in enumerate(zip(classes, commune.tolist(), strict=True)):
        while True:
            turn = taken.get((place, kind), 0)
            taken[place, kind] = turn + 1
            lap, position = divmod(turn, len(choices[kind]))
            name = choices[kind][position] + (f" {lap + 1}" if lap else "")
            if (place, name) not in used:
                break
        used.add((place, name))
        names[row] = name
    return names


#: Kinds of public building, with their usage; a commune has one town hall.
_TOWN_HALL = ("public_service", "Hôtel de ville")
_PUBLIC = (
    ("education", "École élémentaire"),
    ("education", "École maternelle"),
    ("culture", "Médiathèque"),
    ("sport", "Gymnase"),
    ("education", "Collège"),
    ("public_service", "Maison de quartier"),
    ("health", "Centre de santé"),
    ("education", "Lycée"),
    ("public_service", "Centre administratif"),
)


def public_names(
    rng: np.random.Generator, commune: NDArray[np.intp], from_centre: Floats, communes: list[str]
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """Return the usage and the name of public buildings.

    The one nearest the centre of its commune is the town hall; no two have the same name while
    there are enough people to name them after.
    """
    people = [_WORDS["people"][k] for k in rng.permutation(len(_WORDS["people"]))]
    usages, names = np.empty(len(commune), dtype=object), np.empty(len(commune), dtype=object)
    seen: dict[int, int] = {}
    for number, row in enumerate(np.argsort(from_centre, kind="stable").tolist()):
        place = int(commune[row])
        turn = seen[place] = seen.get(place, -1) + 1
        usages[row], kind = _PUBLIC[(turn - 1) % len(_PUBLIC)] if turn else _TOWN_HALL
        lap, position = divmod(number, len(people))
        names[row] = (
            f"{kind} {people[(position + 11 * lap) % len(people)]}" if turn else f"{kind} {_of(communes[place])}"
        )
    return usages, names


def _of(name: str) -> str:
    """Return « de » and the name of a commune, contracted as French does."""
    if name.startswith("Les "):
        return f"des {name.removeprefix('Les ')}"
    return f"d’{name}" if name[0] in "AEÉÈIOUY" else f"de {name}"
