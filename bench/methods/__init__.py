"""What a method is and how one is found: the contract, the catalog, typed settings, pretrained weights, TorchScript.

Nothing here trains, fills a data set or knows a paper's claims.
"""
