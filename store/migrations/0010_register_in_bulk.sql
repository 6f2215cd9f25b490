-- Registering looks names up in tables that may have grown a thousandfold since they were analysed last. A planner that takes them for
-- small reads them whole for each name; with their indexes it is never slow.

ALTER FUNCTION register_trackers(text[], text[], boolean) SET enable_seqscan = off;
ALTER FUNCTION register_trackers(text[], text[], boolean) SET plan_cache_mode = force_custom_plan;
