"""Durable orders and what each is answered with. `workers/owners.py` says who owns which."""

from __future__ import annotations

from infra.contract.commands.actor import (
    NAME as NAME,
)
from infra.contract.commands.actor import (
    Actor as Actor,
)
from infra.contract.commands.chat import (
    SendChat as SendChat,
)
from infra.contract.commands.directory import (
    NotePerson as NotePerson,
)
from infra.contract.commands.directory import (
    PeopleFound as PeopleFound,
)
from infra.contract.commands.directory import (
    Person as Person,
)
from infra.contract.commands.directory import (
    PersonView as PersonView,
)
from infra.contract.commands.directory import (
    PutPeople as PutPeople,
)
from infra.contract.commands.directory import (
    RemovePerson as RemovePerson,
)
from infra.contract.commands.keys import (
    CreateKey as CreateKey,
)
from infra.contract.commands.keys import (
    KeyView as KeyView,
)
from infra.contract.commands.keys import (
    RevokeKey as RevokeKey,
)
from infra.contract.commands.keys import (
    RevokeToken as RevokeToken,
)
from infra.contract.commands.participants import (
    AddParticipant as AddParticipant,
)
from infra.contract.commands.participants import (
    AddParticipants as AddParticipants,
)
from infra.contract.commands.participants import (
    AskAdmission as AskAdmission,
)
from infra.contract.commands.participants import (
    DecideAdmission as DecideAdmission,
)
from infra.contract.commands.participants import (
    Entered as Entered,
)
from infra.contract.commands.participants import (
    EnterRoom as EnterRoom,
)
from infra.contract.commands.participants import (
    Invited as Invited,
)
from infra.contract.commands.participants import (
    InviteMade as InviteMade,
)
from infra.contract.commands.participants import (
    InviteParticipants as InviteParticipants,
)
from infra.contract.commands.participants import (
    Joining as Joining,
)
from infra.contract.commands.participants import (
    JoinRoom as JoinRoom,
)
from infra.contract.commands.participants import (
    LeaveRoom as LeaveRoom,
)
from infra.contract.commands.participants import (
    LeaveSeat as LeaveSeat,
)
from infra.contract.commands.participants import (
    MakeInvite as MakeInvite,
)
from infra.contract.commands.participants import (
    OneUse as OneUse,
)
from infra.contract.commands.participants import (
    Removed as Removed,
)
from infra.contract.commands.participants import (
    RemoveParticipant as RemoveParticipant,
)
from infra.contract.commands.participants import (
    RemoveParticipants as RemoveParticipants,
)
from infra.contract.commands.participants import (
    Seat as Seat,
)
from infra.contract.commands.participants import (
    Seated as Seated,
)
from infra.contract.commands.participants import (
    SeatedAll as SeatedAll,
)
from infra.contract.commands.participants import (
    SeatResult as SeatResult,
)
from infra.contract.commands.participants import (
    UpdateParticipant as UpdateParticipant,
)
from infra.contract.commands.recordings import (
    ArchiveRecording as ArchiveRecording,
)
from infra.contract.commands.recordings import (
    CountDownload as CountDownload,
)
from infra.contract.commands.recordings import (
    DeleteRecording as DeleteRecording,
)
from infra.contract.commands.recordings import (
    RecoverRecording as RecoverRecording,
)
from infra.contract.commands.recordings import (
    ReportSpool as ReportSpool,
)
from infra.contract.commands.recordings import (
    StartRecording as StartRecording,
)
from infra.contract.commands.recordings import (
    StopRecording as StopRecording,
)
from infra.contract.commands.recordings import (
    SyncRecordings as SyncRecordings,
)
from infra.contract.commands.recordings import (
    SyncReport as SyncReport,
)
from infra.contract.commands.rooms import (
    CancelRoom as CancelRoom,
)
from infra.contract.commands.rooms import (
    ClaimRoom as ClaimRoom,
)
from infra.contract.commands.rooms import (
    CreateRoom as CreateRoom,
)
from infra.contract.commands.rooms import (
    DeleteRoom as DeleteRoom,
)
from infra.contract.commands.rooms import (
    EndRoom as EndRoom,
)
from infra.contract.commands.rooms import (
    Invitee as Invitee,
)
from infra.contract.commands.rooms import (
    PlaceRoom as PlaceRoom,
)
from infra.contract.commands.rooms import (
    RoomDeleted as RoomDeleted,
)
from infra.contract.commands.rooms import (
    StartRoom as StartRoom,
)
from infra.contract.commands.rooms import (
    UpdateRoom as UpdateRoom,
)
from infra.contract.commands.statistics import (
    NoteQuality as NoteQuality,
)
from infra.contract.commands.statistics import (
    NoteTracks as NoteTracks,
)
from infra.contract.commands.statistics import (
    QualitySample as QualitySample,
)
from infra.contract.commands.statistics import (
    TrackNews as TrackNews,
)
from infra.contract.commands.tenants import (
    CreateTenant as CreateTenant,
)
from infra.contract.commands.tenants import (
    DeleteTenant as DeleteTenant,
)
from infra.contract.commands.tenants import (
    RotateApiKey as RotateApiKey,
)
from infra.contract.commands.tenants import (
    UpdateTenant as UpdateTenant,
)
from infra.contract.commands.transcripts import (
    RequestTranscript as RequestTranscript,
)
from infra.contract.commands.webhooks import (
    Attempt as Attempt,
)
from infra.contract.commands.webhooks import (
    CreateEndpoint as CreateEndpoint,
)
from infra.contract.commands.webhooks import (
    DeleteEndpoint as DeleteEndpoint,
)
from infra.contract.commands.webhooks import (
    DeliveryState as DeliveryState,
)
from infra.contract.commands.webhooks import (
    DeliveryView as DeliveryView,
)
from infra.contract.commands.webhooks import (
    EndpointView as EndpointView,
)
from infra.contract.commands.webhooks import (
    Redeliver as Redeliver,
)
from infra.contract.commands.webhooks import (
    RotateEndpointSecret as RotateEndpointSecret,
)
from infra.contract.commands.webhooks import (
    TestEndpoint as TestEndpoint,
)
from infra.contract.commands.webhooks import (
    UpdateEndpoint as UpdateEndpoint,
)
