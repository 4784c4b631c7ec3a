"""Run by a Python with PyQGIS 3.30 or later: edit buildings as QGIS does, and print what was done as JSON.

Usage: qgis_edits.py OGC_URL USER, the token on standard input
"""

import json
import os
import sys
import tempfile

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp())

from qgis.core import NULL, QgsApplication, QgsFeature, QgsVectorLayer

url, user = sys.argv[1:]
token = sys.stdin.read().strip()
application = QgsApplication([], False, tempfile.mkdtemp())
application.initQgis()
source = f"url='{url}' typename='buildings' pagingEnabled='true' username='{user}' password='{token}'"
layer = QgsVectorLayer(source, "buildings", "OAPIF")
names = [field.name() for field in layer.fields()]
# What has ended cannot be edited, and may come first: it alone knows its end.
raised, moved, gone = [feature for feature in layer.getFeatures() if feature["valid_to"] == NULL][:3]
done = {
    "crs": layer.crs().authid(),
    "ids": [feature["id"] for feature in (raised, moved, gone)],
    "height": raised["height"] + 2.5,
    "errors": [],
}


def session(edit):
    layer.startEditing()
    if not (edit() and layer.commitChanges()):
        done["errors"].append(layer.commitErrors())
        layer.rollBack()


place = moved.geometry()
place.translate(1.0, 2.0)
done["moved"] = place.asWkt(3)
new = QgsFeature(layer.fields())
new.setGeometry(gone.geometry())
for name, value in (("height", 7.5), ("usage", "office"), ("name", "Maison de l'été")):
    new[name] = value

session(lambda: layer.changeAttributeValue(raised.id(), names.index("height"), done["height"]))
session(lambda: layer.changeGeometry(moved.id(), place))
session(lambda: layer.addFeature(new))
session(lambda: layer.deleteFeature(gone.id()))
print(json.dumps(done), flush=True)
os._exit(0)
