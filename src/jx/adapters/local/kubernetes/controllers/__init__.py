"""What keeps the objects of the embedded cluster moving: workload controllers, scheduler, endpoints, played pods.

Each controller looks at one object by its key and makes the cluster a step more like it; none remembers anything that
the objects do not say. Pods of images that a node runs for real are left to that node; all others are played here.
Processes, files and sockets do not belong here.
"""
