//! Tests of the other folders, as they are, with deployed systems. What a test needs besides the API and Lambda's `Invoke` (engines in
//! its process, a clock of its own, faults on the wire) keeps it off this list, and so does what `docs/second-opinion.md` says of paths
//! with `#`, of limits and of the bytes of an event.

use super::Deployed;

/// A test for each of these, in modules of the same names.
macro_rules! hosted {
    ($($group:ident { $($file:ident { $($test:ident,)* })* })*) => {
        $(mod $group { $(mod $file { $(
            #[test]
            fn $test() {
                crate::second_opinion::deployment::Deployed::hosts(crate::$group::$file::$test);
            }
        )* })* })*
    };
}

hosted! {
    acquisition {
        access {
            each_read_wants_its_own_permission,
            the_tenant_in_the_header_must_be_the_tokens,
            without_an_authorizer_in_front_the_function_refuses,
        }
        answers {
            absent_members_are_left_out,
            an_unknown_entity_has_an_empty_history,
            ids_of_any_version_in_any_case_are_one_entity,
            tenants_do_not_see_each_other,
            one_id_in_six_types_is_six_events,
        }
        errors {
            the_first_fault_of_a_request_is_the_one_told,
        }
        paging {
            limit_and_offset_cut_the_list_and_leave_the_total,
            other_limits_and_offsets_are_refused_by_name,
            what_arrives_meanwhile_moves_no_page_of_the_past,
        }
        snapshots {
            a_snapshot_is_plain_or_wrapped_as_the_header_says,
            other_formats_are_refused_by_name,
        }
        sorting {
            every_sort_in_both_directions_with_ties,
            status_changes_sort_as_every_history_does,
            other_sorts_are_refused_by_name,
        }
        status_history {
            an_event_counts_when_its_status_differs_from_the_one_before,
            the_first_event_counts_only_with_a_status,
            of_events_at_the_same_time_the_one_told_first_comes_first,
            sorting_and_paging_come_after_the_filter,
            an_event_that_arrives_late_changes_what_counts,
        }
    }
    audit_config {
        access {
            groups_take_their_permission,
            the_settings_of_a_group_take_two_permissions,
            every_setting_takes_two_permissions_to_change,
            the_tenant_is_the_tokens,
        }
        changes {
            a_description_is_kept_cleared_or_set,
            what_was_read_can_be_put_back,
            one_organizations_settings_are_not_anothers,
        }
        checks {
            what_is_wrong_with_a_body_is_named,
            of_several_faults_the_earliest_in_the_order_is_told,
        }
        defaults {
            an_organization_begins_with_the_settings_of_mod_audit_and_sporlogs_own,
            the_members_of_a_setting_are_in_the_order_of_the_schema,
        }
        values {
            every_setting_takes_what_is_in_its_range_and_nothing_else,
        }
    }
    audit_export {
        bodies {
            an_organization_that_there_is_not_has_no_export,
        }
    }
    authorization {
        isolation {
            histories_tell_nothing_of_another_organization,
            an_entity_of_another_organization_is_one_that_there_is_not,
            organizations_and_keys_tell_nothing_of_another_organization,
            another_organization_and_its_keys_are_what_there_is_not,
        }
        matrix {
            every_caller_is_answered_on_every_route_as_the_table_says,
            the_same_token_without_its_fault_is_let_in,
        }
    }
    bufdir {
        bodies {
            a_body_that_cannot_be_read_is_refused,
            what_is_wrong_with_a_list_is_named,
            what_is_no_id_is_not_found,
        }
        statuses {
            every_move_is_made_or_refused_as_the_table_says,
        }
        tenants {
            two_organizations_with_the_same_export_never_meet,
            another_organization_is_one_that_there_is_not,
            who_runs_sporlog_chooses_the_organization,
            who_may_not_is_told_what_it_takes_before_anything_else,
        }
    }
    ingest {
        dead_letters {
            a_kafka_record_that_can_never_be_stored_is_set_aside_with_the_reason,
            a_message_may_be_partly_poison,
        }
        duplicates {
            an_id_is_taken_within_its_tenant_and_type_only,
            of_repeats_at_the_same_time_one_is_stored,
        }
        payloads {
            dates_are_read_in_every_form_that_folio_sends,
            of_two_dates_one_is_enough,
            a_type_goes_by_any_of_its_names,
        }
        queue {
            messages_reach_the_log_through_the_queue,
        }
        tenants {
            the_header_names_the_tenant_before_the_topic_does,
            each_of_the_six_topics_is_its_type,
            topics_of_other_environments_and_consortia_are_known,
        }
    }
    kyc {
        access {
            a_key_does_what_its_scopes_say,
            organizations_with_the_same_case_know_nothing_of_each_other,
            only_an_api_key_in_its_header_lets_in,
            a_key_that_is_revoked_no_longer_lets_in,
        }
        append {
            an_entry_is_answered_as_the_log_then_shows_it,
            entries_have_the_order_in_which_they_were_sent_whatever_their_dates,
            one_wrong_entry_keeps_all_out,
        }
        errors {
            a_parameter_outside_its_range_is_named,
            an_entry_that_is_wrong_is_named_by_member_and_place,
            a_body_that_cannot_be_read_is_refused,
            a_case_has_256_different_actions_at_most,
        }
        idempotency {
            a_named_request_that_comes_again_is_answered_as_before_byte_for_byte,
            a_name_is_for_one_request,
            a_named_request_that_comes_ten_times_at_once_is_done_once,
        }
        large {
            the_longest_texts_come_back_whole,
        }
        pages {
            pages_of_any_size_are_the_whole_log,
            a_page_counts_from_the_newest_entry_there_is,
        }
        published {
            the_published_example_is_answered_member_for_member,
            the_published_calls_answer,
        }
        statuses {
            the_statuses_are_told_oldest_first,
        }
    }
    organizations {
        access {
            each_caller_may_do_what_the_policy_says,
            without_a_credential_the_gateway_refuses,
        }
        authorizer {
            a_key_is_a_caller_without_roles,
            a_key_counts_only_where_a_key_belongs,
        }
        bodies {
            what_is_wrong_with_a_key_is_named,
            a_body_that_cannot_be_read_is_refused,
            a_page_that_cannot_be_is_refused,
        }
        keys {
            a_key_is_shown_once_and_listed_without_itself,
            lists_are_newest_first_and_in_pages,
            a_revoked_key_is_gone,
        }
        organization {
            an_organization_is_registered_once_and_renamed,
            an_organization_without_a_name_can_be_given_one,
            many_who_register_the_same_organization_register_it_once,
            an_organization_that_is_not_registered_has_nothing,
        }
    }
}

#[test]
fn every_example_is_answered_as_its_page_says() {
    Deployed::hosts(crate::docs::every_example_is_answered_as_its_page_says);
}
