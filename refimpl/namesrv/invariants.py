"""What holds of the tables of every name server at rest: for tests, simulation and operators.

Requirements  NAMESRV-LIFECYCLE-1, -2, -10, -13 and NAMESRV-ROUTE-10
Model         none: the tables are compared with one another

Nothing here repairs anything. A broker name belongs to the cluster that it was registered with
first; brokers that register one name with several clusters are beyond these invariants.
"""

from collections.abc import Iterator

from refimpl.model.ids import Millis
from refimpl.namesrv.route_info_manager import RouteInfoManager

BROKER_HAS_ADDRESS = "BrokerHasAddress"
ONE_ID_FOR_AN_ADDRESS = "OneIdForAnAddress"
CLUSTERS_NAME_BROKERS = "ClustersNameBrokers"
BROKERS_HAVE_CLUSTERS = "BrokersHaveClusters"
ROUTES_LEAD_TO_BROKERS = "RoutesLeadToBrokers"
TOPICS_HAVE_QUEUES = "TopicsHaveQueues"
LISTED_ARE_LIVE = "ListedAreLive"
FILTERS_BELONG_TO_THE_LIVE = "FiltersBelongToTheLive"
NOBODY_OUTLIVES_A_SCAN = "NobodyOutlivesAScan"


def violations(routes: RouteInfoManager) -> list[str]:
    """Every violated invariant, as `name: what`; empty for tables that agree."""
    return [*_brokers(routes), *_clusters(routes), *_topics(routes), *_live(routes)]


def overdue(routes: RouteInfoManager, scanned: Millis) -> list[str]:
    """Brokers that a scan at `scanned` should have taken out. NAMESRV-LIFECYCLE-13.

    Only those that a route can name: 5.5 forgets to take out the life of an address of which
    another one has taken the id, which nobody can see.
    """
    named = {
        address
        for entry in routes.broker_addr_table.values()
        for address in entry.addresses.values()
    }
    return [
        f"{NOBODY_OUTLIVES_A_SCAN}: {key.address}, silent since {live.last_update}"
        for key, live in routes.broker_live_table.items()
        if key.address in named and live.last_update + live.timeout < scanned
    ]


def _brokers(routes: RouteInfoManager) -> Iterator[str]:
    for name, entry in routes.broker_addr_table.items():
        if not entry.addresses:
            yield f"{BROKER_HAS_ADDRESS}: {name}"
        if len(set(entry.addresses.values())) < len(entry.addresses):
            yield f"{ONE_ID_FOR_AN_ADDRESS}: {name} {entry.addresses}"


def _clusters(routes: RouteInfoManager) -> Iterator[str]:
    for cluster, names in routes.cluster_addr_table.items():
        if not names:
            yield f"{CLUSTERS_NAME_BROKERS}: {cluster} is empty"
        for name in names:
            if name not in routes.broker_addr_table:
                yield f"{CLUSTERS_NAME_BROKERS}: {cluster} has {name}, which is unknown"
    for name, entry in routes.broker_addr_table.items():
        if name not in routes.cluster_addr_table.get(entry.cluster, {}):
            yield f"{BROKERS_HAVE_CLUSTERS}: {name} is not in {entry.cluster}"


def _topics(routes: RouteInfoManager) -> Iterator[str]:
    for topic, queues in routes.topic_queue_table.items():
        if not queues:
            yield f"{TOPICS_HAVE_QUEUES}: {topic}"
        for name in queues:
            if name not in routes.broker_addr_table:
                yield f"{ROUTES_LEAD_TO_BROKERS}: {topic} at {name}, which is unknown"


def _live(routes: RouteInfoManager) -> Iterator[str]:
    """Who is listed gave a sign of life.

    The reverse need not hold: an address whose id another address took stays live, without a name,
    until it is silent.
    """
    for name, entry in routes.broker_addr_table.items():
        for address in entry.addresses.values():
            if routes.key(entry.cluster, address) not in routes.broker_live_table:
                yield f"{LISTED_ARE_LIVE}: {address} of {name}"
    for key in routes.filter_server_table:
        if key not in routes.broker_live_table:
            yield f"{FILTERS_BELONG_TO_THE_LIVE}: {key.address}"
