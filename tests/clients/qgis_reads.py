"""Run by Debian's Python with PyQGIS: read one OGC API layer as QGIS does, and print what it saw as JSON.

Usage: qgis_reads.py OGC_URL COLLECTION XMIN YMIN XMAX YMAX (box in CRS84)
"""

import json
import os
import sys

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from qgis.core import QgsApplication, QgsFeatureRequest, QgsRectangle, QgsVectorLayer

url, collection, *box = sys.argv[1:]
application = QgsApplication([], False)
application.initQgis()
source = f"url='{url}' typename='{collection}' pagingEnabled='true' restrictToRequestBBOX='1'"
layer = QgsVectorLayer(source, collection, "OAPIF")
seen = {
    "valid": layer.isValid(),
    "crs": layer.crs().authid(),
    "count": layer.featureCount(),
    "read": len({feature.id() for feature in layer.getFeatures()}),
    "fields": {field.name(): field.typeName() for field in layer.fields()},
}
boxed = QgsVectorLayer(source, collection, "OAPIF")
request = QgsFeatureRequest().setFilterRect(QgsRectangle(*map(float, box)))
seen["in_box"] = sum(1 for _ in boxed.getFeatures(request))
print(json.dumps(seen), flush=True)
os._exit(0)
