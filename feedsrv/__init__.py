"""feedsrv: an emergency mitigation service that any maker of on-premises server software can run."""
