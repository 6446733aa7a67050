# ruff: noqa: E402 - rewriting comes before importing
"""Every fault, on one site: collected here from their modules, so that one worker runs them and starts one exchange."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.faults.absence_faults",
    "tests.faults.alarm_faults",
    "tests.faults.alarms",
    "tests.faults.drills_of_engines",
    "tests.faults.drills_of_work",
    "tests.faults.backlog_faults",
    "tests.faults.books_faults",
    "tests.faults.bounce_faults",
    "tests.faults.kills_faults",
    "tests.faults.consumers_faults",
    "tests.faults.erasure_faults",
    "tests.faults.poison_faults",
    "tests.faults.kafka_faults",
    "tests.faults.mongo_faults",
    "tests.faults.mail_faults",
    "tests.faults.time_faults",
    "tests.faults.health_faults",
    "tests.faults.people_faults",
    "tests.faults.webhook_faults",
)

from tests.faults.absence_faults import (
    test_an_engine_absent_at_the_start_and_at_the_stop,
)
from tests.faults.alarm_faults import (
    test_an_alarm_rings_and_its_page_makes_it_stop,
    test_each_alarm_has_a_drill,
)
from tests.faults.backlog_faults import (
    test_a_backlog_drains_in_memory_that_does_not_grow_with_it,
    test_two_intakes_that_meet_the_same_records_at_once_make_one_rfi_of_each,
)
from tests.faults.books_faults import (
    test_the_books_name_what_is_broken_on_purpose,
)
from tests.faults.bounce_faults import (
    test_mails_that_come_back_find_another_reader_and_their_addresses_are_mailed_no_more,
)
from tests.faults.consumers_faults import (
    test_a_frozen_process_comes_back_to_find_its_work_done_by_others,
    test_a_full_replay_changes_nothing,
    test_a_stop_ends_the_batch_in_hand_or_gives_it_up_in_time,
    test_dead_letters_replayed_twice_take_effect_once,
    test_events_out_of_order_or_without_predecessor_are_put_aside_or_applied,
    test_instances_come_and_go_under_load,
    test_the_same_records_again_change_nothing,
)
from tests.faults.erasure_faults import (
    test_an_erasure_is_carried_out_whatever_dies,
    test_an_erasure_is_carried_out_when_engines_come_back,
)
from tests.faults.health_faults import (
    test_a_hung_handler_and_a_blocked_event_loop_are_replaced,
)
from tests.faults.kafka_faults import (
    test_a_broker_that_dies_and_comes_back,
    test_a_full_disk_under_kafka,
    test_a_network_that_fails_between_us_and_kafka,
    test_a_publish_without_an_answer_is_repeated_and_known_again,
    test_connections_to_kafka_are_reset,
)
from tests.faults.kills_faults import (
    test_a_kill_at_every_point_loses_and_doubles_nothing,
)
from tests.faults.mail_faults import (
    test_a_connection_lost_at_the_final_dot,
    test_a_kill_while_mails_are_on_the_way,
    test_a_mail_server_that_is_away,
    test_a_server_that_takes_long_over_the_final_dot_gets_its_time,
    test_refusals_for_good_are_not_repeated_and_stay_visible,
    test_refusals_for_now_for_hours_end_in_one_mail_each,
)
from tests.faults.mongo_faults import (
    test_a_full_disk_under_mongod,
    test_a_network_that_fails_between_us_and_mongod,
    test_a_slow_mongod_slows_us_down_and_nothing_else,
    test_intake_says_503_and_loses_nothing_while_an_engine_is_away,
    test_mongod_killed_in_the_middle_of_writes,
    test_two_intakes_with_one_id_make_one_rfi,
)
from tests.faults.people_faults import (
    test_a_publisher_sees_nothing_of_another_one,
    test_messages_of_the_version_before_are_taken_among_those_of_today,
    test_scanners_that_follow_every_link_change_nothing,
)
from tests.faults.poison_faults import (
    test_a_handler_that_always_fails_for_one_key_lets_the_others_go_on,
    test_poison_of_every_kind_is_put_aside_and_its_neighbours_go_on,
)
from tests.faults.time_faults import (
    test_a_day_without_an_expirer_is_made_up_for_once,
    test_accept_and_expire_at_the_same_moment_have_one_winner_each,
    test_workers_with_wrong_clocks_are_neither_early_nor_late,
)
from tests.faults.webhook_faults import (
    test_a_kill_while_calls_are_on_the_way,
    test_each_event_is_one_call_and_a_receiver_that_is_away_gets_them_later,
)

__all__ = [
    "test_a_backlog_drains_in_memory_that_does_not_grow_with_it",
    "test_a_broker_that_dies_and_comes_back",
    "test_a_connection_lost_at_the_final_dot",
    "test_a_day_without_an_expirer_is_made_up_for_once",
    "test_a_frozen_process_comes_back_to_find_its_work_done_by_others",
    "test_a_full_disk_under_kafka",
    "test_a_full_disk_under_mongod",
    "test_a_full_replay_changes_nothing",
    "test_a_handler_that_always_fails_for_one_key_lets_the_others_go_on",
    "test_a_hung_handler_and_a_blocked_event_loop_are_replaced",
    "test_a_kill_at_every_point_loses_and_doubles_nothing",
    "test_a_kill_while_calls_are_on_the_way",
    "test_a_kill_while_mails_are_on_the_way",
    "test_a_mail_server_that_is_away",
    "test_a_network_that_fails_between_us_and_kafka",
    "test_a_network_that_fails_between_us_and_mongod",
    "test_a_publish_without_an_answer_is_repeated_and_known_again",
    "test_a_publisher_sees_nothing_of_another_one",
    "test_a_server_that_takes_long_over_the_final_dot_gets_its_time",
    "test_a_slow_mongod_slows_us_down_and_nothing_else",
    "test_a_stop_ends_the_batch_in_hand_or_gives_it_up_in_time",
    "test_accept_and_expire_at_the_same_moment_have_one_winner_each",
    "test_an_alarm_rings_and_its_page_makes_it_stop",
    "test_an_engine_absent_at_the_start_and_at_the_stop",
    "test_an_erasure_is_carried_out_whatever_dies",
    "test_an_erasure_is_carried_out_when_engines_come_back",
    "test_connections_to_kafka_are_reset",
    "test_dead_letters_replayed_twice_take_effect_once",
    "test_each_alarm_has_a_drill",
    "test_each_event_is_one_call_and_a_receiver_that_is_away_gets_them_later",
    "test_events_out_of_order_or_without_predecessor_are_put_aside_or_applied",
    "test_instances_come_and_go_under_load",
    "test_intake_says_503_and_loses_nothing_while_an_engine_is_away",
    "test_mails_that_come_back_find_another_reader_and_their_addresses_are_mailed_no_more",
    "test_messages_of_the_version_before_are_taken_among_those_of_today",
    "test_mongod_killed_in_the_middle_of_writes",
    "test_poison_of_every_kind_is_put_aside_and_its_neighbours_go_on",
    "test_refusals_for_good_are_not_repeated_and_stay_visible",
    "test_refusals_for_now_for_hours_end_in_one_mail_each",
    "test_scanners_that_follow_every_link_change_nothing",
    "test_the_books_name_what_is_broken_on_purpose",
    "test_the_same_records_again_change_nothing",
    "test_two_intakes_that_meet_the_same_records_at_once_make_one_rfi_of_each",
    "test_two_intakes_with_one_id_make_one_rfi",
    "test_workers_with_wrong_clocks_are_neither_early_nor_late",
]
